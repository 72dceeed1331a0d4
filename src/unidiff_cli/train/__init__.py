"""Training: a trainer that knows no model, and the losses and data that it is given."""
