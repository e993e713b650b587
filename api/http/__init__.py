"""The HTTP door: commands made from the catalogue, queries on both clocks, problems as RFC 9457 has them."""
