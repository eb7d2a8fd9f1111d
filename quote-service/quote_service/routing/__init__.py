"""Process `order-router`: quote targets to orders at the venue, through one gate."""
