# SPDX-License-Identifier: Apache-2.0
"""Traces cut short or with flipped bits give a partial report with a warning, or a clear
error; never a crash, never a hang, never figures without a word about the damage."""
import random
import re

import cs

CHUNK = b"\x89Chk"  # what each begins with
READERS = (["heap"], ["heap", "--json", "--metric", "alloc_space"], ["fold"], ["info"], ["dump"])


def recorded():
    recording = cs.record([cs.need_target("books"), "2", "400", "2", "300"])
    with open(recording.trace.path, "rb") as stream:
        return stream.read()


def damaged(content):
    file = cs.path("damaged.coro")
    with open(file, "wb") as stream:
        stream.write(content)
    return file


whole = {}  # what the readers print of the undamaged trace


def without_index(out):
    """The index says where things are; it is made anew where it is missing."""
    return out.split("\nINDEX at")[0].rstrip()


def outcome(file, reader):
    result = cs.run([cs.COROSCOPE, reader[0], *reader[1:], file], timeout=200)
    if result.status == 0:
        told = result.err != "" or "MISSING" in result.out
        if not told and without_index(result.out) == without_index(whole.get(str(reader), "?")):
            return "unaffected", result
        return "partial" if told else "silent", result
    if result.status == 2 and result.err.startswith("coroscope: cannot"):
        return "error", result
    return "broken", result


def survey(name, files, must_speak):
    """MUST_SPEAK: whoever prints figures tells of the damage or prints the right ones (a damaged
    part may not be needed), and dump, which reads all, always tells."""
    seen = {"silent": 0, "unaffected": 0, "partial": 0, "error": 0, "broken": 0}
    first = {}
    for file, what in files:
        for reader in READERS:
            how, result = outcome(file, reader)
            if reader == ["info"] and how == "silent":
                how = "unaffected"
            seen[how] += 1
            first.setdefault(how, (what, reader, result))
    cs.check(f"{name}: no crash, no hang ({seen})", seen["broken"] == 0, first.get("broken"))
    if must_speak:
        cs.check(f"{name}: the damage is told", seen["silent"] == 0, first.get("silent"))


def cut_short(content):
    dice = random.Random(1)
    # The last ones: in the tail, and in the index.
    lengths = [0, 1, 7, 8, 40] + [dice.randrange(len(content)) for _ in range(12)] + [
        len(content) - n for n in (1, 15, 16, 17, 60)]
    survey("cut short", [(damaged(content[:n]), f"{n} of {len(content)} bytes")
                         for n in lengths], must_speak=True)


def cut_between_chunks(content):
    """What is whole is read, also before anything of a heap was written."""
    chunks = [at.start() for at in re.finditer(re.escape(CHUNK), content)]
    results = [cs.run([cs.COROSCOPE, "heap", damaged(content[:end])]) for end in chunks[1:20]]
    cs.check("cut between chunks: all of them read", len(results) > 3 and
             all(result.status == 0 for result in results),
             [str(result) for result in results if result.status])
    cs.check("cut between chunks: and it is told of the first ones",
             all("cut short" in result.err for result in results[:3]), results[:3])


def flipped_bits(content):
    dice = random.Random(2)
    files = []
    for _ in range(25):
        copy = bytearray(content)
        places = [dice.randrange(len(content)) for _ in range(dice.choice((1, 1, 2, 10)))]
        for place in places:
            copy[place] ^= 1 << dice.randrange(8)
        files.append((damaged(bytes(copy)), f"flipped at {places}"))
    survey("flipped bits", files, must_speak=True)


def zeroed_and_foreign(content):
    middle = len(content) // 2
    hole = content[:middle] + bytes(min(4096, len(content) - middle)) + content[middle + 4096:]
    survey("other damage", [(damaged(hole), "a hole of zeros"),
                            (damaged(content + content), "twice"),
                            (damaged(content[100:]), "its head is missing"),
                            (damaged(b"PERFILE2" + bytes(1000)), "another program's file"),
                            (damaged(b"just some text\n"), "text")], must_speak=False)


def not_there():
    result = cs.run([cs.COROSCOPE, "heap", cs.path("missing.coro")])
    cs.check("missing file: error and exit code", result.status == 2 and
             result.err.startswith("coroscope: cannot"), result)
    result = cs.run([cs.COROSCOPE, "heap", cs.folder()])
    cs.check("a folder: error and exit code", result.status == 2 and
             result.err.startswith("coroscope: cannot"), result)


content = recorded()
for reader in READERS:
    whole[str(reader)] = cs.run([cs.COROSCOPE, *reader, damaged(content)]).out
cut_short(content)
cut_between_chunks(content)
flipped_bits(content)
zeroed_and_foreign(content)
not_there()
cs.finish()
