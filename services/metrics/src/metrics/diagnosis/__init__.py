"""The diagnosis: results fell; is it sales, operations or the market?"""
