"""Exported models, run anywhere: numpy, OpenCV and ONNX Runtime, never torch."""
