"""The report: one HTML file about one or more servers, for people who do not know the details."""
