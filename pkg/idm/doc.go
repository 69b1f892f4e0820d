// Package idm speaks the protocol between guest and host.
package idm
