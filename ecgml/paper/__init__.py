"""An ECG on paper: geometry and SVG with NumPy alone, or drawn on Matplotlib axes that are given.

grid    the paper: colours, lines, paths
page    twelve leads, three rows of four and a rhythm strip
beat    the representative beat, leads superimposed, with its onsets and offsets
"""
