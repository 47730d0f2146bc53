"""A stream is read the same in whatever pieces it comes."""

from engage_api.events.webhooks.messages import Messages


def test_messages_are_whole_wherever_a_piece_ends() -> None:
    stream = b"retry: 20\nid: evt_1\n\n:\n\nid: evt_2\ndata: {}\n\nevent: problem\ndata: {}\n\nid: evt_3\ndata: [1]\n\n"
    for size in range(1, len(stream)):
        messages = Messages()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [data for piece in pieces for data in messages.of(piece)] == [b"{}", b"[1]"]
        assert (messages.last, messages.pause) == ("evt_3", 0.02)
