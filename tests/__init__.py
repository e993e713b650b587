"""The tests mirror the packages room by room; what crosses rooms stands at the top."""
