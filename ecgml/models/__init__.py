"""The networks.

Shapes: B batch, L leads, T time points of the waveform, t of the trunk's output, C channels, F clinical features,
K classes. Inside the trunk a signal is (B, C, 1, T) in channels-last memory: the two-dimensional kernels of oneDNN and
cuDNN are faster on it than the one-dimensional ones on (B, C, T).

rhythm_model   what every architecture is: the base class
registry       which there are, ours and other packages'
settings       sizes, with measured defaults
blocks         convolution, squeeze-and-excitation, residual block, spatial attention
trunk          the residual CNN that both models share
recurrent      the bidirectional GRU
pooling        from a sequence to a vector, whatever its length
clinical       the MLP over the clinical row
normalisation  one scale a record
fusion         waveform and clinical row, fused late
baseline       a pure CNN
build          a model by its name
"""
