"""`ecgml evaluate`: a trained model on any cohort that it was not trained on.

evaluate          a model scored, its report written
evaluation_input  what it is scored on
outside           records that a scheme has no class for: what a model should not answer
explaining        records with their waveforms -> what is drawn and explained of them
report            the report's sections, in order
protocols         `--splits`: a model's settings on other splits, trained anew fold by fold
"""
