"""Details of lighteval, made by itself: ``pip install lighteval``, then run this here."""

from pathlib import Path

from lighteval.logging.evaluation_tracker import EvaluationTracker
from lighteval.logging.info_loggers import DetailsLogger
from lighteval.models.abstract_model import ModelConfig
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc

if __name__ == "__main__":
    here = Path(__file__).parent
    tracker = EvaluationTracker(output_dir=str(here / "out"), save_details=True)
    for number in range(3):
        doc = Doc(query=f"{number}+1=", choices=[str(number + 1)], gold_index=0, id=str(number), task_name="sums|0")
        texts = [f"The answer is \\boxed{{{number + 1}}}", "\\boxed{9}"]
        response = ModelResponse(
            input=doc.query, text=texts, input_tokens=[1, 2, 3], output_tokens=[[1, 2, 3, 4], [5, 6]]
        )
        detail = DetailsLogger.Detail(doc, response, {"math_pass@1:2_samples": 0.5, "extractive_match": 1.0})
        tracker.details_logger.details["sums|0"].append(detail)
    tracker.general_config_logger.log_model_info(ModelConfig(model_name="org/model"))
    tracker.save()
    next((here / "out").rglob("*.parquet")).rename(here / "lighteval_details.parquet")
