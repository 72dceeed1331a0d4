"""Training: a trainer that knows no model, and the losses and data it is given. No sampling."""
