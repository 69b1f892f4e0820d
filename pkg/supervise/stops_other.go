//go:build !amd64

package supervise

func catchStops() *Stops { return notifyStops() }
