"""The rules of Countersign: values in, values out, with no clock, network, database or log."""
