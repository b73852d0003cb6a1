"""From readings to findings to evidence: rules, excursions, figures and exports."""
