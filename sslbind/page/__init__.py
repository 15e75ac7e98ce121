"""The report: one HTML file about one or more servers, for people who know none of this."""
