"""Whether the ECGs that are sent in still resemble those that a model was validated on.

characteristics  what is compared of a record and its answer, and the bins it is counted in
reference        how often each bin occurred in validation: counts alone, as stored in the checkpoint
rolling          the same counts of what came in last, by source
comparison       population stability index and Kolmogorov-Smirnov distance, with thresholds
"""
