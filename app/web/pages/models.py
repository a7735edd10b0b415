"""Which models are there? What each predicts, what it was trained on, under which licence, and how well it does."""

from pathlib import Path

import streamlit as st

from app.web import widgets
from data.errors import ModelError
from export.runtime import registry
from export.runtime.contract import Contract


def main() -> None:
    """The page."""
    st.title("Which models are there?")
    st.markdown(f"The models that this app can run. **{widgets.NOTE}**")
    contracts: dict[Path, Contract] = {}
    for path in registry.models():
        try:
            contracts[path] = registry.read_contract(path)
        except ModelError as error:
            st.error(widgets.plain(str(error)), icon=":material/error:")
    if not contracts:
        widgets.no_model()
        return
    st.table([row(path, contract) for path, contract in contracts.items()])
    for path, contract in contracts.items():
        st.subheader(widgets.plain(contract.name), divider="gray")
        describe(path, contract)


def row(path: Path, contract: Contract) -> dict[str, str]:
    """A model as a line of the table; its cells are Markdown."""
    seconds = f"{contract.slices[0][0]:g}–{contract.slices[-1][1]:g} s" if contract.slices else "no"
    cells = {
        "Model": contract.name,
        "Version": contract.version,
        "Licence": contract.licence,
        "Trained on": ", ".join(contract.training) or "nothing",
        "Seconds": seconds,
        "Predicts": {"saliency": "where", "scanpath": "in which order"}.get(contract.task, contract.task),
        "Canvas": f"{contract.canvas[1]} × {contract.canvas[0]}" if contract.multiple else "none",
        "File": f"{path.stat().st_size / 1e6:.1f} MB",
    }
    return {heading: widgets.plain(cell) for heading, cell in cells.items()}


def describe(path: Path, contract: Contract) -> None:
    """One model: a sentence, the scores, the model card."""
    st.markdown(widgets.plain(contract.description))
    origin = f"commit {contract.commit[:10]} with torch {contract.torch}, opset {contract.opset}"
    st.caption(widgets.plain(f"{path.name}, made from {origin}."))
    if contract.scores:
        st.markdown("**Scores on test pictures** (higher is better, except for kl, bits and delta)")
        st.table([scores(name, values) for name, values in contract.headlines.items()])
    card = path.with_suffix(".md")
    if card.is_file():
        with st.expander("Model card", icon=":material/description:"):
            st.markdown(card.read_text("utf-8"))
    else:
        st.caption(widgets.plain(f"There is no model card {card.name} beside the model."))


def scores(name: str, values: dict[str, float]) -> dict[str, str]:
    """The scores on one data set as a line of a table; its cells and headings are Markdown."""
    return {"Set": widgets.plain(name)} | {widgets.plain(score): f"{value:.3f}" for score, value in values.items()}


if __name__ == "__main__":
    main()
