"""Fit a model, independent of tracker and tuner: `fit` calls back after each epoch.

settings    epochs, batch size, optimiser, schedule, early stopping
device      where and in which precision
data        the rows of a table as training and validation see them
schedule    the learning rate at a step
stopping    early stopping as a value
averaging   exponential moving average of the weights
state       everything that resuming needs, in one whole file
step        one step of gradient descent, a CUDA graph on a GPU
fit         the loop
predict     probabilities of records, windows averaged
checkpoint  a folder that rebuilds its model from itself
"""
