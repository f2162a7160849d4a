"""The canvas of the page: one Gradio component made of real HTML, CSS and JavaScript files."""

from samui.canvas.component import PromptCanvas

__all__ = ["PromptCanvas"]
