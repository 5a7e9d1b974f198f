"""The files that a browser loads: plain HTML, CSS and JavaScript, nothing to build."""
