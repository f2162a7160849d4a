"""One person's work on one image: actions, states, steps, sessions. No torch and no gradio."""
