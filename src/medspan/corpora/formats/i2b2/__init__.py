"""The formats of the i2b2 challenges: medications 2009, concepts 2010, time 2012, de-identification 2014."""

from medspan.corpora.formats.i2b2 import concepts, deidentification, medication, temporal

__all__ = ["concepts", "deidentification", "medication", "temporal"]
