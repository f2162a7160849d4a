"""The page: layout, event handlers, routes and named endpoints over `samui.serve.service`."""
