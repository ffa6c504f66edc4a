"""A run as TOML: read, checked and frozen before any work begins.

A configuration is a file or the name of a preset (`ttclib/presets/`). Paths in it are relative to
the working directory.
"""

from ttclib.config.judge import JudgeConfig
from ttclib.config.loading import load_config, preset_summary, preset_text, presets
from ttclib.config.models import (
    VERIFIER_ENTRY_POINTS,
    VERIFIER_FORMATS,
    PolicyConfig,
    PrmConfig,
    RevisionVerifierConfig,
    ServerConfig,
    last_part,
    verifier_formats,
)
from ttclib.config.run import RevisionConfig, RunConfig
from ttclib.config.sections import (
    AlgorithmConfig,
    EstimateConfig,
    Example,
    GradingConfig,
    ProblemsConfig,
    PromptConfig,
    SamplingConfig,
    SearchConfig,
)

__all__ = [
    "VERIFIER_ENTRY_POINTS",
    "VERIFIER_FORMATS",
    "AlgorithmConfig",
    "EstimateConfig",
    "Example",
    "GradingConfig",
    "JudgeConfig",
    "PolicyConfig",
    "PrmConfig",
    "ProblemsConfig",
    "PromptConfig",
    "RevisionConfig",
    "RevisionVerifierConfig",
    "RunConfig",
    "SamplingConfig",
    "SearchConfig",
    "ServerConfig",
    "last_part",
    "load_config",
    "preset_summary",
    "preset_text",
    "presets",
    "verifier_formats",
]
