"""The tree over all facts is that of RFC 6962: its published vectors, and a second way to the same root."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import proofs

# Leaves and roots of the reference implementation of Certificate Transparency.
LEAVES = [
    bytes.fromhex(data)
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(leaves: list[bytes]) -> bytes:
    """The root as the RFC defines it: of the largest power of two below the size, and the rest."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()


@pytest.mark.parametrize(("size", "root"), list(enumerate(ROOTS)))
def test_the_published_vectors(size, root):
    frontier = proofs.Frontier()
    frontier.extend(map(proofs.leaf_hash, LEAVES[:size]))
    assert (frontier.size, frontier.root().hex()) == (size, root)


@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_frontier_that_is_put_away_between_commits_ends_at_the_same_root(batches):
    leaves: list[bytes] = []
    size, packed = 0, b""
    for batch in batches:
        frontier = proofs.Frontier(size, packed)
        new = [proofs.leaf_hash(number.to_bytes(4)) for number in range(len(leaves), len(leaves) + batch)]
        frontier.extend(new)
        leaves += new
        size, packed = frontier.size, frontier.pack()
        assert frontier.root() == tree(leaves)
        assert len(packed) == proofs.HASH_SIZE * size.bit_count()


def test_the_link_of_a_commit_depends_on_everything_it_says():
    parts: list[Any] = [b"\x01" * 32, 7, 42, 1_623_340_799_000_000, b"\x02" * 32, b"\x03" * 32]
    others: list[Any] = [b"\x09" * 32, 8, 43, 1_623_340_799_000_001, b"\x04" * 32, b"\x05" * 32]
    changed = [[*parts[:i], other, *parts[i + 1 :]] for i, other in enumerate(others)]
    assert len({proofs.chain_hash(*said) for said in (parts, *changed)}) == len(parts) + 1
