"""Values that every other package uses: errors, clock, money, periods, ids, ownership markers, decoding, settings."""
