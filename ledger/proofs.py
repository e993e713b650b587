"""Tamper evidence: leaf hashes and the Merkle tree over all facts (RFC 6962 and RFC 9162, SHA-256)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""

HASH_SIZE = 32


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of a zero byte and the data."""
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """What must be kept of a growing tree: the roots of its perfect subtrees, largest first.

    A tree of a billion leaves keeps thirty hashes. `pack` and the constructor are inverse to each other.
    """

    def __init__(self, size: int = 0, packed: bytes = b"") -> None:
        """Take up the tree of `size` leaves whose subtree roots are `packed` (32 bytes each)."""
        self.size = size
        self._roots = [packed[i : i + HASH_SIZE] for i in range(0, len(packed), HASH_SIZE)]

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes; two subtrees of equal size become one."""
        size, nodes, odd = self.size, list(leaves), []
        self.size += len(nodes)
        while nodes:  # Level by level from the leaves up, each joined by what was left over of its size.
            if size & 1:
                nodes.insert(0, self._roots.pop())
            if len(nodes) & 1:
                odd.append(nodes.pop())
            nodes = [_node(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
            size >>= 1
        self._roots += reversed(odd)

    def root(self) -> bytes:
        """The root of the whole tree, 32 bytes."""
        if not self._roots:
            return EMPTY_ROOT
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = _node(left, node)
        return node

    def pack(self) -> bytes:
        """The subtree roots in a row."""
        return b"".join(self._roots)


def chain_hash(  # noqa: PLR0913, PLR0917 - all that a commit says, in the order it is hashed
    before: bytes, number: int, position: int, recorded_at: int, root: bytes, keys: bytes
) -> bytes:
    """The link of one commit to all before it: everything the commit says, behind the link before."""
    fields = b"".join(value.to_bytes(8, "big", signed=True) for value in (number, position, recorded_at))
    return sha256(before + fields + root + keys).digest()
