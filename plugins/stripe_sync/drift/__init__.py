"""What differs, in sentences and money: pure, from the differences that SQL found."""
