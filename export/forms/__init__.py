"""One trained model in several precisions and canvases, each kept only when it agrees with PyTorch."""
