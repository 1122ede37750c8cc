"""Countersign: reconcile what vendors report with what ConnectWise PSA bills, and write back exactly once."""
