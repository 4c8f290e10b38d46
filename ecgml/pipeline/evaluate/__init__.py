"""`ecgml evaluate`: a trained model on any cohort that it was not trained on.

evaluate          score a model and write its report
evaluation_input  the records and predictions that are scored
outside           records without a class in the scheme, which a model should not answer
explaining        draw and explain records
report            the report's sections, in order
protocols         `--splits`: retrain with the model's settings on other splits, fold by fold
"""
