// Package idmpb has the messages of the IDM protocol: of version 1
// (krata.internal.idm, the Idm types), of version 2 (krata.idm.transport and
// krata.idm.internal) and of kguest's own channel (kguest.idm, the Extension
// types and what is in them). Package idm says how they travel.
//
// A message is a plain struct with AppendTo and Unmarshal. Of a oneof one type
// at a time is in its place, nil where none is: a message, or the type named
// after the scalar. Fields that are not known are passed over, of a field that
// comes twice the last counts (messages are merged), numbers in lists may be
// packed or not, and messages may stand 100 deep in each other.
// A string that is not UTF-8 is an error where it is read, and is mended with
// U+FFFD where it is written. Maps are written in the order of their keys.
//
// The Go files are made from those in the folder proto by package gen; its test
// holds them to it.
package idmpb

//go:generate go test ./gen -run TestCurrent -update
