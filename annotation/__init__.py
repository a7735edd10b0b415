"""Which object a participant of mobile eye tracking looked at: a few labels are carried through the video.

project            a folder: the video's sampled frames, their boxes, and every click; `Project` is the way in
sampling           frames of a video, a few a second        finders      boxes of a frame: found, of a detector, of a table
appearance         numbers that tell what is in a box       blocks       what is found, kept as it comes
camera             how the head moved between two frames    tracks       boxes of one thing, frame after frame
graph              neighbours in space and time             message_passing   the network over them
rounds             labels in, classes of all boxes out      questions    which boxes to label next
baselines          what the network has to beat
recording          gaze on the video's clock                results      which object was fixated when
"""
