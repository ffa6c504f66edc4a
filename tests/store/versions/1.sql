-- Schema version 1. The comments are the schema's documentation: store/README.md is made of them.

-- What was asked. One row a problem; a benchmark is a named set of problems.
CREATE TABLE problems (
    problem_id       VARCHAR NOT NULL,  -- stable name of the problem, unique in the store
    benchmark        VARCHAR,           -- set the problem comes from
    prompt           VARCHAR,           -- the question as it stands in the benchmark
    reference_answer VARCHAR,           -- right answer; NULL: unknown, such samples stay ungraded
    metadata         VARCHAR            -- JSON object with what else the benchmark says (level, subject)
);

-- The facts about a model that a cost in FLOPs needs. NULL: unknown, never a guess.
CREATE TABLE models (
    model            VARCHAR NOT NULL,  -- name used by samples.policy and scores.verifier
    path             VARCHAR,           -- directory or hub id it was loaded from
    revision         VARCHAR,           -- pinned revision on the hub
    architecture     VARCHAR,           -- class name in the checkpoint's config
    n_parameters     BIGINT,            -- all parameters, tied ones once
    n_embedding      BIGINT,            -- of these, in the input and output embeddings
    n_layers         INTEGER,
    n_heads          INTEGER,           -- attention heads
    n_kv_heads       INTEGER,           -- key-value heads (grouped-query attention)
    head_dim         INTEGER,
    hidden_size      INTEGER,
    training_tokens  BIGINT             -- tokens of pretraining
);

-- How samples were drawn: prompt format and decoding. Part of a sample's identity.
CREATE TABLE settings (
    setting          VARCHAR NOT NULL,  -- short hash of the other columns
    prompt_format    VARCHAR,           -- JSON: template, system prompt, chat or plain
    temperature      DOUBLE,
    top_p            DOUBLE,
    max_tokens       INTEGER,           -- completion tokens after which a sample is cut
    stop             VARCHAR[],         -- strings that end a sample
    step_delimiter   VARCHAR            -- string that ends a step
);

-- One row a command that collected something.
CREATE TABLE runs (
    run_id           VARCHAR NOT NULL,
    command          VARCHAR,           -- sample, score, grade, import
    started_at       TIMESTAMP,         -- UTC
    seed             BIGINT,            -- seed of the draws
    config           VARCHAR,           -- the whole configuration as JSON
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
    elapsed_s        DOUBLE,            -- its share of the batch's wall time
    run_id           VARCHAR            -- runs.run_id
);

-- A verifier's reading of a sample. One row a (sample, verifier).
CREATE TABLE scores (
    policy           VARCHAR NOT NULL,
    problem_id       VARCHAR NOT NULL,
    setting          VARCHAR NOT NULL,
    sample_index     INTEGER NOT NULL,
    verifier         VARCHAR NOT NULL,  -- models.model of the PRM
    step_scores      DOUBLE[],          -- raw score of each step; aggregated when read; NULL: could not be scored
    prm_tokens       INTEGER,           -- tokens the verifier read
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
