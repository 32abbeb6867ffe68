# SPDX-License-Identifier: BSD-2-Clause
"""The circuit of command_port."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream

from gatewright.hw.bus.command_port.config import CommandPortConfig
from gatewright.hw.core.streams import RoomComponent

INFO, RUN = 0x01, 0x02
OK, UNKNOWN_COMMAND, WRONG_LENGTH = 0, 1, 2
BODY = 3  # index of the first octet after a reply's header
FIELDS = (("command", 8), ("sequence", 8), ("status", 2))


class CommandPort(RoomComponent):
    """Serve one request after the other.

    Members
    -------
    i : stream of {data: 8, last: 1, good: 1}
        Requests, as `frame_decode` gives them.
    i_result : stream of {data: 8, last: 1}
        Body of the reply to a RUN or LOAD: one packet for each good packet on ``o_input``.
    o : stream of {data: 8, last: 1}
        Replies, for `frame_encode`.
    o_input : stream of {data: 8, last: 1, good: 1}
        Payload of RUN requests, at most ``input_bytes`` octets a packet. Only a packet that ends
        with ``good`` is whole and sound; forget any other. With ``loads`` a field ``load`` marks
        payloads of LOAD requests.
    """

    i: stream.Interface
    i_result: stream.Interface
    o: stream.Interface
    o_input: stream.Interface

    def __init__(self, config: CommandPortConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: object) -> Module:
        """Build the circuit: listen to a request, then reply."""
        m = Module()
        command, sequence, status = (Signal(bits, reset_less=True, name=name) for name, bits in FIELDS)
        is_info, is_run = Signal(), Signal()
        # With LOAD, which is RUN + 1, what is said of RUN below goes for both.
        runs = command[1:] == RUN >> 1 if self.config.loads else command == RUN
        m.d.comb += [is_info.eq(command == INFO), is_run.eq(runs)]
        with m.FSM():
            self._listen(m, command, sequence, status, is_info, is_run)
            with m.State("REPLY"):
                self._reply(m, command, sequence, status, is_run)
        return m

    def _listen(
        self, m: Module, command: Signal, sequence: Signal, status: Signal, is_info: Signal, is_run: Signal
    ) -> None:
        """Take a request apart; a frame that is not good is forgotten at its end."""
        last, good, data = self.i.payload.last, self.i.payload.good, self.i.payload.data
        left = Signal(range(self.config.input_bytes), reset_less=True)  # payload octets after this one
        over = Signal(reset_less=True)  # the input is complete, yet the frame goes on
        final, forward = Signal(), Signal()
        m.d.comb += final.eq(left == 0)

        with m.State("COMMAND"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [command.eq(data), over.eq(0), left.eq(self.config.input_bytes - 1)]
            with m.If(self.i.valid & ~last):
                m.next = "SEQUENCE"
        with m.State("SEQUENCE"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += sequence.eq(data)
            m.d.sync += status.eq(Mux(is_info, OK, Mux(is_run, WRONG_LENGTH, UNKNOWN_COMMAND)))
            with m.If(self.i.valid):
                with m.If(~last):
                    m.next = "PAYLOAD"
                with m.Elif(good):
                    m.next = "REPLY"
                with m.Else():
                    m.next = "COMMAND"
        with m.State("PAYLOAD"):
            m.d.comb += [
                forward.eq(is_run & ~over),
                self.i.ready.eq(~forward | self.o_input.ready),
                self.o_input.valid.eq(self.i.valid & forward),
            ]
            with m.If(self.i.valid & self.i.ready):
                fits = forward & final
                wrong = Mux(fits, OK, WRONG_LENGTH)
                m.d.sync += [
                    left.eq(left - 1),
                    over.eq(over | final),
                    status.eq(Mux(is_info | is_run, wrong, UNKNOWN_COMMAND)),
                ]
                with m.If(last):
                    m.next = "COMMAND"
                    with m.If(good):
                        m.next = "REPLY"
        if self.config.loads:
            m.d.comb += self.o_input.payload.load.eq(command[0])
        m.d.comb += [
            self.o_input.payload.data.eq(data),
            self.o_input.payload.last.eq(last | final),
            self.o_input.payload.good.eq(good & final),
        ]

    def _reply(self, m: Module, command: Signal, sequence: Signal, status: Signal, is_run: Signal) -> None:
        """Send header and body; the index rests at the first body octet of a RUN reply."""
        facts = [0] * BODY + list(self.config.info.pack())
        index = Signal(range(len(facts)))
        rom = Array([Const(value, 8) for value in facts])
        o, result = self.o, self.i_result
        m.d.comb += o.valid.eq(1)
        with m.Switch(index):
            with m.Case(0):
                m.d.comb += o.payload.data.eq(command | 0x80)
            with m.Case(1):
                m.d.comb += o.payload.data.eq(sequence)
            with m.Case(2):
                m.d.comb += [o.payload.data.eq(Cat(status)), o.payload.last.eq(status != OK)]
            with m.Default():
                with m.If(is_run):
                    m.d.comb += [
                        o.valid.eq(result.valid),
                        o.payload.data.eq(result.payload.data),
                        o.payload.last.eq(result.payload.last),
                        result.ready.eq(o.ready),
                    ]
                with m.Else():
                    m.d.comb += [o.payload.data.eq(rom[index]), o.payload.last.eq(index == len(facts) - 1)]
        with m.If(o.valid & o.ready):
            with m.If(~((index == BODY) & is_run)):
                m.d.sync += index.eq(index + 1)
            with m.If(o.payload.last):
                m.d.sync += index.eq(0)
                m.next = "COMMAND"
