"""Logs of Inspect AI, made by itself with its mock model: ``pip install inspect-ai``, then run this here.

``sums.eval`` has two scorers, two epochs, reasoning tokens beside the output's and a setting; ``letters.eval``
is scored by the letter chosen, ``verdicts.json`` by a verdict, of the same answers.
"""

import gzip
from pathlib import Path

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Target, accuracy, choice, includes, match, scorer
from inspect_ai.solver import TaskState, generate, multiple_choice


def outputs(texts: list[str], reasoning: int | None = None) -> list[ModelOutput]:
    made = []
    for number, text in enumerate(texts):
        output = ModelOutput.from_content("mockllm/model", text)
        total = 30 + 2 * number + (reasoning or 0)
        output.usage = ModelUsage(
            input_tokens=10 + number, output_tokens=20 + number, total_tokens=total, reasoning_tokens=reasoning
        )
        made.append(output)
    return made


@scorer(metrics=[accuracy()])
def letter():
    """The letter chosen is the value, as in some harnesses; the grade is made elsewhere."""

    async def score(state: TaskState, target: Target) -> Score:
        said = state.output.completion.strip()[-1]
        return Score(value=said, answer=said)

    return score


def made(folder: Path, task: Task, texts: list[str], log_format: str, reasoning: int | None = None) -> Path:
    model = get_model("mockllm/model", custom_outputs=outputs(texts, reasoning))
    return Path(eval(task, model=model, log_dir=str(folder), log_format=log_format, display="none")[0].location)


if __name__ == "__main__":
    here = Path(__file__).parent
    sums = [Sample(id=number + 1, input=f"{number}+1=", target=str(number + 1)) for number in range(3)]
    letters = [
        Sample(id=name, input=f"Which is {name}?", choices=["w", "x", "y", "z"], target=right)
        for name, right in (("first", "C"), ("second", "A"))
    ]
    config = GenerateConfig(temperature=0.7, reasoning_effort="low")
    task = Task(name="sums", dataset=MemoryDataset(sums), solver=generate(), scorer=[match(), includes()], epochs=2,
                config=config)  # fmt: skip
    said = ["ANSWER: 1", "ANSWER: 2", "ANSWER: 4", "ANSWER: 1", "ANSWER: 9", "ANSWER: 3"]
    made(here, task, said, "eval", 7).rename(here / "sums.eval")
    task = Task(name="letters", dataset=MemoryDataset(letters), solver=multiple_choice(), scorer=letter(), epochs=2)
    said = ["ANSWER: C", "ANSWER: C", "ANSWER: C", "ANSWER: A"]
    made(here, task, said, "eval").rename(here / "letters.eval")
    task = Task(name="verdicts", dataset=MemoryDataset(letters), solver=multiple_choice(), scorer=choice(), epochs=2)
    log = made(here, task, said, "json")
    (here / "verdicts.json.gz").write_bytes(gzip.compress(log.read_bytes(), mtime=0))
    log.unlink()
