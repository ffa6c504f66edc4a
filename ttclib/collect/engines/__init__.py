"""Engines that draw from a policy: in this process, in copies of it, through vLLM or from servers."""
