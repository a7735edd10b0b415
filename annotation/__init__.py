"""Which object a participant of mobile eye tracking looked at: a few labels are carried through the video.

project      a folder: sampled frames, their boxes, every click; `Project` is the way in    record, boxes: its files
sampling     frames of a video, a few a second     finders, appearance   their boxes, and what is in them
camera       how the head moved                    tracks                boxes of one thing, frame after frame
clicks       labels, on the disk as they come      given_labels          the same from a table
graph        neighbours in space and time          message_passing       the network over them
chains       classes along tracks                  rounds                labels in, classes of all boxes out
questions    which boxes to label next
recording    gaze on the video's clock             fixated               what it falls on
results      the tables                            views                 a data set for training
"""
