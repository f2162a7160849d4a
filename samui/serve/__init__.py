"""One server without Gradio: seats, what a page asks for, and the messages between the two."""
