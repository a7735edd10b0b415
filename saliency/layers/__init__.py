"""Parts that several saliency models use: backbones and the finalizer."""
