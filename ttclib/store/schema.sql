-- Schema version 5. The comments are the schema's documentation: store/README.md is made of them.

-- What was asked. One row a problem; a benchmark is a named set of problems.
CREATE TABLE problems (
    problem_id       VARCHAR NOT NULL,  -- stable name of the problem, unique in the store
    benchmark        VARCHAR,           -- set the problem comes from
    prompt           VARCHAR,           -- the question as it stands in the benchmark
    reference_answer VARCHAR,           -- right answer; NULL: unknown, such samples stay ungraded
    metadata         VARCHAR            -- JSON object with what else the benchmark says (level, subject)
);

-- Which model a name means, and the facts that a cost needs. NULL: unknown, never a guess. What is known stays,
-- what is not is filled in by the next row of the same model.
CREATE TABLE models (
    model            VARCHAR NOT NULL,  -- name used by samples.policy and scores.verifier
    kind             VARCHAR,           -- of a verifier: prm, orm, judge, confidence; NULL: told from its scores
    path             VARCHAR,           -- directory or hub id it was loaded from
    revision         VARCHAR,           -- pinned revision on the hub
    weights_hash     VARCHAR,           -- of its weight files: names, sizes, headers and blocks spread over each
    tokenizer_hash   VARCHAR,           -- of its tokenizer's files, chat template included
    reads            VARCHAR,           -- JSON object: how a verifier reads (format, system prompt, raw_score)
    architecture     VARCHAR,           -- class name in the checkpoint's config
    n_parameters     BIGINT,            -- all parameters, tied ones once
    n_embedding      BIGINT,            -- of these, in the input and output embeddings
    n_layers         INTEGER,
    n_heads          INTEGER,           -- attention heads
    n_kv_heads       INTEGER,           -- key-value heads (grouped-query attention)
    head_dim         INTEGER,
    hidden_size      INTEGER,
    training_tokens  BIGINT,            -- tokens of pretraining
    usd_per_mtok_input DOUBLE,          -- list price of a million tokens read, in US dollars
    usd_per_mtok_output DOUBLE,         -- list price of a million tokens written, reasoning included
    price_date       VARCHAR            -- day or month of that price, YYYY-MM-DD or YYYY-MM
);

-- All that decides a draw beside the policy and the problem: free keys, of which one that is not there is a value,
-- too. Part of a sample's identity.
CREATE TABLE settings (
    setting          VARCHAR NOT NULL,  -- short hash of the keys
    keys             VARCHAR            -- JSON object: temperature, top_p, max_tokens, prompt_format, …
);

-- One row a command that collected something.
CREATE TABLE runs (
    run_id           VARCHAR NOT NULL,
    command          VARCHAR,           -- sample, search, revise, score, import
    started_at       TIMESTAMP,         -- UTC
    seed             BIGINT,            -- seed of the draws
    problem_ids      VARCHAR[],         -- problems that were asked for
    config           VARCHAR,           -- the whole configuration as JSON; of an import its file, or credit and license
    versions         VARCHAR            -- JSON: versions of the packages that matter
);

-- One row a sample. Identity: (policy, problem_id, setting, sample_index), never the pool's size.
CREATE TABLE samples (
    policy           VARCHAR NOT NULL,  -- models.model
    problem_id       VARCHAR NOT NULL,  -- problems.problem_id
    setting          VARCHAR NOT NULL,  -- settings.setting
    sample_index     INTEGER NOT NULL,  -- from 0; sample i is the i-th independent draw
    completion       VARCHAR,           -- raw text, as decoded
    completion_ids   INTEGER[],         -- its token ids, the end token included
    finish_reason    VARCHAR,           -- stop: ended by itself; length: cut at max_tokens
    prompt_tokens    INTEGER,
    completion_tokens INTEGER,          -- the end token included
    logprob          DOUBLE,            -- sum over completion tokens under the policy at temperature 1
    step_tokens      INTEGER[],         -- completion tokens of each step; sums to completion_tokens
    step_logprobs    DOUBLE[],          -- log-probability of each step; sums to logprob
    reasoning        VARCHAR,           -- what was thought before the completion, where it came apart from it
    reasoning_tokens INTEGER,           -- of completion_tokens, in reasoning, apart or within the completion
    token_logprobs   BLOB,              -- log-probability of each completion token: half floats, little-endian
    token_entropies  BLOB,              -- entropy of each token's distribution at temperature 1, in nats: half floats
    token_top20      BLOB,              -- probability of the 20 likeliest tokens at each token, together: half floats
    elapsed_s        DOUBLE,            -- its share of the batch's wall time
    run_id           VARCHAR            -- runs.run_id
);

-- How many samples a policy drew for a problem and how many are right, where no more is known. Read where there
-- are no samples.
CREATE TABLE counts (
    policy           VARCHAR NOT NULL,  -- models.model
    problem_id       VARCHAR NOT NULL,  -- problems.problem_id
    setting          VARCHAR NOT NULL,  -- settings.setting
    n                BIGINT,            -- samples drawn and graded
    c                BIGINT,            -- of these, right
    run_id           VARCHAR
);

-- What a policy tells of a question before a sample is drawn, for difficulty without sampling. One row a kind: hidden
-- (its state at the prompt's last token, one pass over the prompt), greedy (how likely its one greedy answer is).
CREATE TABLE features (
    policy           VARCHAR NOT NULL,  -- models.model
    problem_id       VARCHAR NOT NULL,  -- problems.problem_id
    setting          VARCHAR NOT NULL,  -- settings.setting, of which the prompt's format counts here
    feature          VARCHAR NOT NULL,  -- hidden, greedy
    prompt_tokens    INTEGER,           -- tokens read
    layer            INTEGER,           -- of hidden: after so many layers
    hidden           BLOB,              -- of hidden: the state, half floats, little-endian
    completion       VARCHAR,           -- of greedy: the answer, raw text
    completion_tokens INTEGER,          -- of greedy: the end token included
    logprob          DOUBLE,            -- of greedy: sum over its tokens at temperature 1
    run_id           VARCHAR
);

-- A verifier's reading of a sample. Several readings by one verifier count as their mean.
CREATE TABLE scores (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    sample_index     INTEGER NOT NULL,
    verifier         VARCHAR NOT NULL,  -- models.model of the verifier
    reading          INTEGER NOT NULL,  -- from 0; a verifier that is asked several times reads several times
    step_scores      DOUBLE[],          -- raw score of each step; aggregated when read; NULL: could not be scored
    prm_tokens       INTEGER,           -- tokens the verifier read
    generated_tokens INTEGER,           -- tokens the verifier wrote
    said             VARCHAR,           -- what it wrote, raw
    run_id           VARCHAR
);

-- A grader's reading of a sample. One row a (sample, grader). A grade that came with the data is read
-- first; else that of the grader which graded most of the pool, and of equals its latest version.
CREATE TABLE grades (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    sample_index     INTEGER NOT NULL,
    grader           VARCHAR NOT NULL,  -- name and version, or 'given' for a grade that came with an import
    answer           VARCHAR,           -- extracted final answer; NULL: none found
    answer_class     INTEGER,           -- equal for equivalent answers to one problem; NULL: no answer
    correct          BOOLEAN            -- NULL: could not be graded, which is not 'wrong'
);

-- One row a step of the sample tree that no sample holds already. Identity: a path of child indices from the
-- root, '3.0.1': child i of a node is the i-th independent draw given that prefix, 'g' is the greedy one.
-- The pool is part of the tree: step t of sample i is node 'i.0.….0' (t zeros) and is read from `samples`.
CREATE TABLE nodes (
    policy           VARCHAR NOT NULL,  -- models.model
    problem_id       VARCHAR NOT NULL,  -- problems.problem_id
    setting          VARCHAR NOT NULL,  -- settings.setting
    path             VARCHAR NOT NULL,  -- child indices from the root, joined by dots; 'g': drawn greedily
    token_ids        INTEGER[],         -- tokens of this step alone, its delimiter or end token included
    text             VARCHAR,           -- text of this step alone, as decoded behind its prefix
    finish_reason    VARCHAR,           -- NULL: the step's end, more can follow; stop, length: a leaf
    logprob          DOUBLE,            -- sum over the step's tokens under the policy at temperature 1
    token_logprobs   BLOB,              -- as in samples
    token_entropies  BLOB,
    token_top20      BLOB,
    run_id           VARCHAR
);

-- A verifier's reading of a node, given its prefix. Several readings by one verifier count as their mean.
CREATE TABLE node_scores (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    path             VARCHAR NOT NULL,
    verifier         VARCHAR NOT NULL,  -- models.model of the verifier
    reading          INTEGER NOT NULL,  -- from 0; a verifier that is asked several times reads several times
    step_score       DOUBLE,            -- raw score of the step; NULL: could not be scored
    prm_tokens       INTEGER,           -- tokens the verifier read
    generated_tokens INTEGER,           -- tokens the verifier wrote
    said             VARCHAR,           -- what it wrote, raw
    run_id           VARCHAR
);

-- A grader's reading of a leaf: the answer of the steps along its path. One row a (leaf, grader).
CREATE TABLE node_grades (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    path             VARCHAR NOT NULL,
    grader           VARCHAR NOT NULL,
    answer           VARCHAR,
    answer_class     INTEGER,           -- shares its numbering with grades.answer_class of the problem
    correct          BOOLEAN
);

-- One row an answer of a revision chain: answer `position` of chain `chain`, given the (at most 4) answers before.
CREATE TABLE revisions (
    policy           VARCHAR NOT NULL,  -- models.model of the revision model
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    chain            INTEGER NOT NULL,  -- from 0; chains of a problem are independent
    position         INTEGER NOT NULL,  -- from 0, which sees no earlier answer
    completion       VARCHAR,           -- this answer alone, raw text
    completion_ids   INTEGER[],         -- its token ids, the end token included
    finish_reason    VARCHAR,
    prompt_tokens    INTEGER,           -- tokens before it: the prompt and the earlier answers in view
    completion_tokens INTEGER,
    logprob          DOUBLE,
    reasoning        VARCHAR,           -- as in samples
    reasoning_tokens INTEGER,
    token_logprobs   BLOB,
    token_entropies  BLOB,
    token_top20      BLOB,
    run_id           VARCHAR
);

-- A verifier's reading of an answer in a chain. Several readings by one verifier count as their mean.
CREATE TABLE revision_scores (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    chain            INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    verifier         VARCHAR NOT NULL,
    reading          INTEGER NOT NULL,  -- from 0; a verifier that is asked several times reads several times
    step_scores      DOUBLE[],          -- one score for an outcome verifier
    prm_tokens       INTEGER,           -- tokens the verifier read, earlier answers in its view included
    generated_tokens INTEGER,           -- tokens the verifier wrote
    said             VARCHAR,           -- what it wrote, raw
    run_id           VARCHAR
);

-- A grader's reading of an answer in a chain. One row an (answer, grader).
CREATE TABLE revision_grades (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    chain            INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    grader           VARCHAR NOT NULL,
    answer           VARCHAR,
    answer_class     INTEGER,           -- shares its numbering with grades.answer_class of the problem
    correct          BOOLEAN
);

-- What the rows of each table came to when they were written: `ttc verify` compares. One row a write and a policy,
-- problem and setting, or a table that has none of these; counts are summed, hashes combined by exclusive or, and what
-- was replaced counts negative. A row without a table says how DuckDB hashes.
CREATE TABLE checksums (
    table_name       VARCHAR,
    policy           VARCHAR,
    problem_id       VARCHAR,
    setting          VARCHAR,
    n_rows           BIGINT,            -- rows written, less rows replaced
    hash             UBIGINT            -- of these rows, all columns
);
