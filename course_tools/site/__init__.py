"""The course as a website: solved notebooks and tables as pages, made by Sphinx. `build.py` puts it together."""
