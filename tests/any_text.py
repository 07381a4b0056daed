"""Texts of any characters, for properties.

Those of `hypothesis.strategies.text` begin with the work of seconds: a table of all of Unicode, in
each process of the tests.
"""

from __future__ import annotations

from hypothesis import strategies as st

#: Every character but surrogates, those that matter to formats among the likely ones.
CHARACTERS = st.one_of(
    st.integers(0, 0x7F),
    st.sampled_from([0x85, 0xA0, 0xAD, 0x200B, 0x2028, 0x2029, 0x202E, 0xFEFF, 0xFFFF]),
    st.integers(0x80, 0xD7FF),
    st.integers(0xE000, 0x10FFFF),
).map(chr)
TEXTS = st.text(CHARACTERS)
