"""Speaks IDM to a guest as a host that shares no code with kguest.

    client.py GENERATED SOCKET

It connects to SOCKET, reads requests from standard input, one JSON object a
line, and answers each with one line of JSON. GENERATED has what protoc made of
kguest's message definitions.

It is strict: a byte too much, a frame that cannot be decoded, a field that the
definitions do not have, or an answer to nobody ends it with a traceback.
"""

import base64
import json
import socket
import struct
import sys

sys.path.insert(0, sys.argv[1])

from google.protobuf import json_format
from kguest import idm_pb2 as extension
from krata.idm import internal_pb2 as internal
from krata.idm import transport_pb2 as transport
from krata.internal import idm_pb2 as version1

EXTENSION = 27495
FORM = transport.IdmTransportPacketForm
TIMEOUT = 90  # seconds; a guest is emulated, and boots meanwhile


def form(name):
    return FORM.Value("IDM_TRANSPORT_PACKET_FORM_" + name)


def parse(kind, data):
    message = kind()
    message.ParseFromString(data)
    known = kind()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    assert known.ByteSize() == len(data), f"unknown fields in {kind.__name__}: {data!r}"
    return message


class Guest:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.heard = b""
        self.last = 1000
        self.exits = []
        self.events = []

    def new_id(self):
        self.last += 1
        return self.last

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError(f"{len(data)} of {size} bytes")
            data += part
            self.heard = (self.heard + part)[-64:]
        return data

    def send1(self, packet):
        data = packet.SerializeToString()
        self.socket.sendall(struct.pack("<I", len(data)) + data)

    def send2(self, id, channel, name, body=None):
        packet = transport.IdmTransportPacket(id=id, channel=channel, form=form(name))
        if body is not None:
            packet.data = body.SerializeToString()
        data = packet.SerializeToString()
        self.socket.sendall(b"\xff\xff" + struct.pack("<I", len(data)) + data)

    def receive(self):
        """Returns the version and the packet of the next frame."""
        head = self.read(4)
        if head[:2] == b"\xff\xff":
            length = struct.unpack("<I", head[2:] + self.read(2))[0]
            return 2, parse(transport.IdmTransportPacket, self.read(length))
        return 1, parse(version1.IdmPacket, self.read(struct.unpack("<I", head)[0]))

    def next(self):
        """Returns what is not an event, which it keeps."""
        while True:
            version, packet = self.receive()
            if version == 1 and packet.WhichOneof("content") == "event":
                self.exits.append({"version": 1, "code": packet.event.exit.code})
            elif version == 2 and packet.form == form("EVENT"):
                self.event(packet)
            else:
                return version, packet

    def event(self, packet):
        if packet.channel == 0:
            event = parse(internal.Event, packet.data)
            assert event.WhichOneof("event") == "exit", event
            self.exits.append({"version": 2, "code": event.exit.code})
            return
        assert packet.channel == EXTENSION, packet
        self.events.append(json_format.MessageToDict(parse(extension.ExtensionEvent, packet.data)))

    def answer(self, id, channel, *forms):
        """Returns the next packet, which has to belong to the call."""
        version, packet = self.next()
        assert version == 2, packet
        assert (packet.id, packet.channel) == (id, channel), packet
        assert packet.form in [form(name) for name in forms], packet
        return packet

    def ask(self, version, request):
        """Makes an internal request, of an empty message, and returns its answer."""
        id = self.new_id()
        if version == 1:
            question = version1.IdmRequest(id=id)
            getattr(question, request).SetInParent()
            self.send1(version1.IdmPacket(request=question))
            got, packet = self.next()
            assert got == 1 and packet.response.id == id, packet
            response = packet.response
        else:
            question = internal.Request()
            getattr(question, request).SetInParent()
            self.send2(id, 0, "REQUEST", question)
            response = parse(internal.Response, self.answer(id, 0, "RESPONSE").data)
        assert response.WhichOneof("response") == request, response
        return getattr(response, request)


def ping(guest, r):
    guest.ask(r["version"], "ping")
    return {}


def tree(node):
    value = json_format.MessageToDict(node.value) if node.HasField("value") else None
    return {"name": node.name, "value": value, "format": node.format, "children": [tree(c) for c in node.children]}


def metrics(guest, r):
    return tree(guest.ask(r["version"], "metrics").root)


def request_extension(guest, r):
    id = guest.new_id()
    request = json_format.ParseDict(r["request"], extension.ExtensionRequest())
    guest.send2(id, EXTENSION, "REQUEST", request)
    packet = guest.answer(id, EXTENSION, "RESPONSE")
    return json_format.MessageToDict(parse(extension.ExtensionResponse, packet.data))


def start(r):
    command = internal.ExecStreamRequestStart(
        command=r["command"], working_directory=r.get("directory") or "", tty=bool(r.get("tty")))
    for key, value in (r.get("environment") or {}).items():
        command.environment.add(key=key, value=value)
    if r.get("size"):
        command.terminal_size.rows, command.terminal_size.columns = r["size"]
    return internal.ExecStreamRequestUpdate(start=command)


def step(s):
    """Returns the update that a step of an exec stands for."""
    if s.get("resize"):
        rows, columns = s["resize"]
        size = internal.ExecStreamRequestTerminalSize(rows=rows, columns=columns)
        return internal.ExecStreamRequestUpdate(terminal_resize=size)
    stdin = internal.ExecStreamRequestStdin(data=(s.get("stdin") or "").encode(), closed=bool(s.get("closed")))
    return internal.ExecStreamRequestUpdate(stdin=stdin)


def execute(guest, r):
    """Runs a command. Each of its steps is taken when the step's text came."""
    id = guest.new_id()
    guest.send2(id, 0, "STREAM_REQUEST", internal.Request(exec_stream=start(r)))
    steps = r.get("steps") or []
    stdout, stderr, seen = b"", b"", 0
    while True:
        while steps and steps[0].get("after", "").encode() in stdout[seen:]:
            after = steps[0].get("after", "").encode()
            seen = stdout.index(after, seen) + len(after)
            guest.send2(id, 0, "STREAM_REQUEST_UPDATE", internal.Request(exec_stream=step(steps.pop(0))))
        packet = guest.answer(id, 0, "STREAM_RESPONSE_UPDATE")
        update = parse(internal.Response, packet.data).exec_stream
        stdout += update.stdout
        stderr += update.stderr
        if update.exited:
            break
    packet = guest.answer(id, 0, "STREAM_RESPONSE_CLOSED")
    assert packet.data == b"", packet
    guest.send2(id, 0, "STREAM_REQUEST_CLOSED")
    return {"code": update.exit_code, "error": update.error,
            "stdout": base64.b64encode(stdout).decode(), "stderr": base64.b64encode(stderr).decode()}


def wait(guest, r):
    """Reads to the end of the stream and returns all events there were."""
    try:
        packet = guest.next()
        raise AssertionError(f"asked for nothing and got {packet}")
    except EOFError as e:
        assert str(e).startswith("0 of"), e
    except ConnectionResetError:  # QEMU ended with something unread
        pass
    return {"exits": guest.exits, "events": guest.events}


def main():
    operations = {"ping": ping, "metrics": metrics, "exec": execute, "extension": request_extension, "wait": wait}
    guest = Guest(sys.argv[2])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            print(json.dumps(operations[request["op"]](guest, request)), flush=True)
        except Exception:
            print("the last bytes heard:", guest.heard, file=sys.stderr)
            raise


main()
