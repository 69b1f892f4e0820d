// Package idm speaks the protocol between a guest and its host, over one raw
// stream of bytes: /dev/hvc1 or a virtio port in the guest, a socket at the host.
// Conn is either end of it; package client is what a host builds on it.
//
// # Version 1
//
// A frame is the length of a packet (uint32, little-endian) and the packet, a
// protobuf message krata.internal.idm.IdmPacket: an event, a request or a response
// of ping and metrics. An empty frame is an empty packet, and says nothing.
//
//	06 00 00 00  12 04 08 07 12 00         request 7, ping
//	06 00 00 00  1a 04 08 07 1a 00         response 7, no metrics
//	07 00 00 00  0a 05 0a 03 08 89 01      event, exit 137
//
// # Version 2
//
// A frame is ff ff, the length (uint32, little-endian), and the packet, a message
// krata.idm.transport.IdmTransportPacket: an id, a channel, a form, and data. The
// form says which message the data is, the channel of which package:
//
//	form                      from    data on channel 0   data on channel 27495
//	1 raw                     either  any bytes           any bytes
//	2 event                   guest   Event               ExtensionEvent
//	3 request                 host    Request             ExtensionRequest
//	4 response                guest   Response            ExtensionResponse
//	5 stream request          host    Request             ExtensionRequest
//	6 stream request update   host    Request             ExtensionRequest
//	7 stream response update  guest   Response            ExtensionResponse
//	8 stream request closed   host    none                none
//	9 stream response closed  guest   none                none
//
// The host gives a request an id, which its response has as well. A stream has
// one id from 5 to the last of 8 and 9. Channel 0 is krata.idm.internal: ping and
// metrics as requests, exec as a stream.
//
//	ff ff  08 00 00 00  08 07 18 03 22 02 0a 00          request 7, ping
//	ff ff  09 00 00 00  18 02 22 05 0a 03 08 89 01       event, exit 137
//
// In Go there is one vocabulary, that of version 2: Message. What version 1 has
// no word for is ErrVersion.
//
// With Config.Version Auto, a frame is answered in its version, and events go out
// in that of the last frame; before the first in version 1. A frame of version 1
// whose length ends in ffff is not seen then, and after one of version 2 a frame
// of version 1 must be a request of less than 128 bytes, as those of its hosts are.
//
// # The extension
//
// Channel 27495 (0x6b67) is kguest.idm: signal, stop, boot report, watch, hello,
// resize and pause are requests; reading and writing a file are streams; events tell of
// the boot's state, of processes killed for want of memory, and of an exit in detail.
// The guest sends nothing there but answers, and events once the host has asked for
// something else than hello (ErrNotAsked), until one speaks version 1: a host that
// does not know the channel never sees it. The file proto/kguest/idm.proto
// says what each message means.
//
// A guest cannot see on hvc that a host has gone. With hello a host says that it is
// new: the guest ends all streams of before, on both channels, and drops what is
// queued for earlier hosts but for events; then it answers.
//
//	ff ff  0c 00 00 00  08 07 10 e7 d6 01 18 03 22 02 3a 00    request 7, hello
//	ff ff  0c 00 00 00  08 07 10 e7 d6 01 18 04 22 02 42 00    response 7, hello
//
// A stream has no flow control of its own: a host that does not read one holds up
// its others. With pause it has the guest say nothing on one stream, of either
// channel, until it sends the same with resume set.
//
//	ff ff  0e 00 00 00  08 07 10 e7 d6 01 18 03 22 04 4a 02 10 05    request 7, pause of stream 5
//
// kguest's own client sends hello first, and a ping after it. A guest that does not
// know it answers with an error, or not at all, and the ping alone; a host that does
// not send it finds the streams of before as they were.
//
// # What is lost
//
// The kernel's hvc drops bytes when the host does not read, and a host may send
// anything. A frame that is not one is passed over: the search goes on at the next
// byte. It is none where its length is over the limit, its packet no row of fields
// (found out as the bytes come) or no such message, or its data none of what its
// form says. A frame that stays incomplete while nothing comes for Config.Silence,
// or that was waited for four times as long and comes at less than 16 KiB a second,
// is given up, and what came after its first byte is searched again. So the frames
// behind a lost byte are found, at the latest after that time; how the stream was
// split into reads changes nothing. A frame that has too many messages in it is
// passed over whole. Stats counts all of it. What is not found out
// is a loss inside a data field that the next frame happens to fill: there is no
// check sum. Data that looks like a frame can be taken for one when the frame
// around it was damaged.
//
// A guest makes hvc a raw terminal just after it has opened it. What a host sends
// before that may be echoed, changed and lost: a host that speaks first asks
// again. A virtio port has no such time.
//
// A stream of file contents has offsets, by which a lost piece is noticed.
//
// # Limits
//
// A packet has at most Config.MaxFrame bytes, both ways; messages stand at most
// 100 deep, and a guest takes at most 65,536 of them, and of values in lists, in a
// packet. The buffer for reading grows with what has come, whatever a header
// says, to the size of one frame and of one read; while a message is taken apart
// there are up to two more copies of its data. Searching reads at most 16 bytes in
// vain for each that comes, and one frame and a megabyte more.
//
// What is sent waits in a queue for the one goroutine that writes. Send does not
// wait for it: a response that finds Config.QueueFrames or Config.QueueBytes taken
// takes the place of the oldest ones, which are dropped and counted. Pieces of
// streams stand in the same row and are not dropped; there are at most
// Config.StreamBytes of them, so that a response never stands behind more: who
// sends them waits. Events go first and have room of their own, as has the answer
// to watch; an exit event is never dropped. A device that fails is tried with each
// frame.
package idm
