"""What leaves the house for auditors: tables that can be checked without trusting us."""
