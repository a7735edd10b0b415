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
    """A model as a line of the table."""
    seconds = f"{contract.slices[0][0]:g}–{contract.slices[-1][1]:g} s" if contract.slices else "no"
    return {
        "Model": contract.name,
        "Version": contract.version,
        "Licence": contract.licence,
        "Trained on": ", ".join(contract.training) or "nothing",
        "Seconds": seconds,
        "Predicts": {"saliency": "where", "scanpath": "in which order"}.get(contract.task, contract.task),
        "Canvas": f"{contract.canvas[1]} × {contract.canvas[0]}" if contract.multiple else "none",
        "File": f"{path.stat().st_size / 1e6:.1f} MB",
    }


def describe(path: Path, contract: Contract) -> None:
    """One model: a sentence, the scores, the model card."""
    st.markdown(contract.description)
    st.caption(
        f"{path.name}, made from commit {contract.commit[:10]} with torch {contract.torch}, opset {contract.opset}."
    )
    if contract.scores:
        st.markdown("**Scores on test pictures** (higher is better, except for kl, bits and delta)")
        st.table(
            [{"Set": name, **{k: f"{v:.3f}" for k, v in values.items()}} for name, values in contract.headlines.items()]
        )
    card = path.with_suffix(".md")
    if card.is_file():
        with st.expander("Model card", icon=":material/description:"):
            st.markdown(card.read_text("utf-8"))
    else:
        st.caption(f"There is no model card {card.name} beside the model.")


if __name__ == "__main__":
    main()
