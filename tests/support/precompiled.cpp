// Holds the header that every test includes, compiled once.
