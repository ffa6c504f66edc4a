"""The store: one DuckDB file that holds every sample ever drawn.

Identity
--------
A sample is (policy, problem, setting, sample index), where a setting is all that decides a draw: the prompt
format, the decoding, whatever keys are given. The size of a pool is no part of it, so a pool grows without
orphaning what is there, and writing a row twice leaves one.

Two places, one truth
---------------------
DuckDB lets one process write *or* several read, and an idle reader keeps a writer out. So nothing
is ever written straight into the file: a writer puts an immutable Parquet part beside it
(`parts.write_part`: temporary name, then rename) and the parts are taken into the file in one short
transaction whenever it is free (`connection.absorb`). A reader (`connection.connect`) sees the file and the
parts still beside it as one set of tables. A crash loses at most the part in flight; an open
notebook never stops a run.

Rooms: `tables` (keys and columns), `migrations` and `schema` (versions), `packed` (a store packed for sharing),
`isolation` (connections that reach nothing else), `memory` (what is read in parts),
`remote` (folders at an address), `catalogue` and `foreign` (what a file
declares, and what of it is not ours), `locks` (waiting for the file; whether anything was written), `connection` (into
the file and out of it), `parts` (writing), `sound_parts` and `part_rows` (from parts into the file), `claims` (who
works on what), `ingest` (parts of other machines), `remaining` (what is still to be done, on what), `choosing` (whose
samples are meant), `pool`, `chains`, `tree` and `questions` (reading into arrays), `cells` (what one of them packs),
`settings`, `models`, `contents` and `status` (what there is).
"""

from ttclib.store.chains import load_chains
from ttclib.store.connection import absorb, check_writable, connect, replace_grades
from ttclib.store.contents import PolicyContents, contents
from ttclib.store.locks import StoreLockedError
from ttclib.store.models import list_models, set_model_facts
from ttclib.store.parts import as_table, write_part
from ttclib.store.pool import load_pool
from ttclib.store.questions import load_questions
from ttclib.store.schema import is_collected, pending_parts
from ttclib.store.settings import differing_keys, greedy_pool, has_nodes, matching_settings
from ttclib.store.tree import load_tree

__all__ = [
    "PolicyContents",
    "StoreLockedError",
    "absorb",
    "as_table",
    "check_writable",
    "connect",
    "contents",
    "differing_keys",
    "greedy_pool",
    "has_nodes",
    "is_collected",
    "list_models",
    "load_chains",
    "load_pool",
    "load_questions",
    "load_tree",
    "matching_settings",
    "pending_parts",
    "replace_grades",
    "set_model_facts",
    "write_part",
]
